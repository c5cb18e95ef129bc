import { availableParallelism } from 'node:os'
import { type StageThreads, stageThreads } from '../../src/pipeline/stages.ts'

/** Numbers of threads for settings on this machine. */
export const threadsFor = (settings: Parameters<typeof stageThreads>[0]): StageThreads => stageThreads(settings, availableParallelism())
