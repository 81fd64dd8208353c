/** Ours. The sum over the log is kept at every multiple of this number; on disk, so that it never changes. */
export const SUM_EVERY = 64;
