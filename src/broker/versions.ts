/** Produce from here on may carry zstd (KIP-110). */
export const zstdVersion = 7
/** Fetch from here on names topics by id (KIP-516). */
export const fetchByIdVersion = 13
/** Fetch from here on has sessions (KIP-227). */
export const fetchSessionVersion = 7
