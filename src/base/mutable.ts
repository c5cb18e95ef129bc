/** A value under construction; its users receive it under the immutable type. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] }
