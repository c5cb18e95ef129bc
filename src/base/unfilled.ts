/** Memory with undefined contents, for a caller that writes all of it. */
export const unfilled = (bytes: number): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer)
