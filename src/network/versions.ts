/** First version of Produce with zstd (KIP-110). */
export const zstdVersion = 7
/** First version of Fetch with topic ids (KIP-516). */
export const fetchByIdVersion = 13
/** First version of Fetch with sessions (KIP-227). */
export const fetchSessionVersion = 7
