import { StartRefused } from './start-refused.ts'

/** Texts for error codes of the system. */
const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied for the user of this process',
  EPERM: 'the operation is not permitted for the user of this process',
  EROFS: 'its file system is read-only',
  ENOSPC: 'no space is left on its file system',
  EDQUOT: 'the disk quota of this user is used up',
  ENOTDIR: 'a part of its path is not a directory',
  EEXIST: 'it is not a directory',
  EISDIR: 'it is a directory',
  ENOENT: 'it does not exist and cannot be created',
  ELOOP: 'its path has too many symbolic links',
  ENAMETOOLONG: 'its name is too long',
  ENOTSUP: 'its file system cannot store files',
  EIO: 'the disk reports an input/output error',
  EMFILE: 'this process may open no more files (ulimit -n)',
  ENFILE: 'the system may open no more files',
  EADDRINUSE: 'the port is in use by another process',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'the host name cannot be resolved',
  EAI_AGAIN: 'the host name cannot be resolved at the moment',
}

/** Advice for files in `log.dirs` that cannot be read or written. */
export const filesAdvice = 'Set log.dirs to a directory with files that the user of this process can read and write.'

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? ''

/** Undefined for an error that the system did not report. */
export const systemReason = (error: unknown): string | undefined => reasons[codeOf(error)]

/**
 * Runs a step of the start. An error that the system reports is caused by the environment, not by the program: it becomes `SUBJECT: REASON.
 * ADVICE`.
 */
export async function step<T>(subject: string, advice: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const reason = systemReason(error)
    throw reason === undefined ? error : new StartRefused(`${subject}: ${reason} (${codeOf(error)}). ${advice}`)
  }
}
