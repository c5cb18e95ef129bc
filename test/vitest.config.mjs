import { defineConfig } from 'vitest/config'

/** Folders whose tests start no broker: they need a processor, where those of the others mostly wait for processes. */
const unit = ['test/{unit,sim,vectors,docs}/**/*.test.ts', 'test/*.test.ts']

/** Lists each test that failed and then passed, with --retry. */
const retried = {
  onTestCaseResult(testCase) {
    const tries = (testCase.diagnostic()?.retryCount ?? 0) + 1
    if (tries > 1 && testCase.ok()) console.log(`passed at try ${tries}: ${testCase.module.relativeModuleId} > ${testCase.fullName}`)
  },
}

export default defineConfig({
  test: {
    reporters: ['default', retried],
    setupFiles: ['test/support/byte-equality.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    tags: [{ name: 'long', description: 'left out by npm test; run by npm run test:long, and by .ci/run in parts' }],
    projects: [
      {
        extends: true,
        // A slower test is split, so that a test that hangs is reported soon. Exceptions have their own limit, with the reason.
        test: { name: 'unit', include: unit, isolate: false, maxWorkers: 2, testTimeout: 5000, sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: { name: 'node', include: ['test/**/*.test.ts'], exclude: unit, isolate: false, maxWorkers: 4, sequence: { groupOrder: 1 } },
      },
    ],
  },
})
