/** The thread with the large window: processes batches with back references beyond the other windows, one after another. */
import { parentPort, workerData } from 'node:worker_threads'
import { createArena, openArena } from '../native-free-io/threads/arena.ts'
import { validationModule } from '../native-free-io/threads/validation-module.ts'
import type { LargeWindowData } from '../src/network/thread-messages.ts'
import { kernel } from '../src/pipeline/kernel/kernel.ts'
import { type LargeWindowJob, LargeWindowRunner, planLargeWindow } from '../src/pipeline/validation/large-window.ts'
import { validationKernel } from '../src/pipeline/validation/validation-kernel.ts'

const { memory, batchBytesMax } = workerData as LargeWindowData
const layout = planLargeWindow(batchBytesMax)
const own = openArena(createArena(layout.pages))
const kernels = { validation: validationKernel(validationModule(), own.memory), crc: kernel(own.memory).crc }
const runner = new LargeWindowRunner(openArena(memory).bytes, own, layout, kernels)

parentPort!.on('message', (job: LargeWindowJob) => parentPort!.postMessage(runner.work(job)))
