import { defineConfig } from 'vitest/config'

/** What every package's `vitest.config.ts` starts from: packages are tested from their sources, not from `dist`. */
export default defineConfig({
  resolve: { conditions: ['@whittle/source'] },
  ssr: { resolve: { conditions: ['@whittle/source'], externalConditions: ['@whittle/source'] } },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // `npm test` adds these files up.
    reporters: ['default', 'json'],
    outputFile: { json: 'test-report.json' },
  },
})
