/** Unit of `blocks` in stat(2). */
const statBlockBytes = 512

/** Whether a file, of which these are the figures, has at least this many bytes on the disk: a sparse file has fewer. */
export const isAllocated = ({ blocks }: { readonly blocks: number }, bytes: number): boolean => blocks * statBlockBytes >= bytes
