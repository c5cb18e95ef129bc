/** The part of the WebAssembly JavaScript API that the arena and the kernel use. Source: WebAssembly JavaScript Interface 2.0. */
declare namespace WebAssembly {
  class Memory<B extends ArrayBuffer | SharedArrayBuffer = SharedArrayBuffer> {
    constructor(descriptor: { initial: number; maximum: number } & (B extends SharedArrayBuffer ? { shared: true } : { shared?: false }))
    readonly buffer: B
    grow(pages: number): number
  }
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>)
  }
  class Instance {
    constructor(module: Module, imports: { readonly env: { readonly memory: Memory<ArrayBuffer | SharedArrayBuffer> } })
    readonly exports: Readonly<Record<string, unknown>>
  }
}
