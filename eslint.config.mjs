import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'
import { PORTABLE, plugin } from './tools/lint/src/index.mjs'

/** Skipped and focused tests stay out of the repository. */
const noSkippedTests = ['it', 'test', 'describe'].flatMap((object) => [
  ...['skip', 'only', 'todo', 'fails'].map((property) => ({ object, property, message: 'Every test runs, and has to pass.' })),
])

const portableSources = Object.keys(PORTABLE).map((name) => `packages/${name}/src/**/*.ts`)
const platformSources = Object.entries(PORTABLE).flatMap(([name, files]) => files.map((file) => `packages/${name}/${file}`))

export default defineConfig(
  {
    ignores: [
      '**/dist/',
      '**/generated/',
      '**/*.generated.ts',
      '**/*_pb.ts',
      '**/fixtures/',
      '**/whittle-models.d.ts',
      '.nx/',
      '**/.cache/',
      '**/.whittle/',
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts', '**/*.mts', '**/*.mjs', '**/*.js'],
    plugins: { whittle: plugin },
    extends: [tseslint.configs.recommended],
    rules: {
      eqeqeq: 'error',
      'no-restricted-properties': ['error', ...noSkippedTests],
      'whittle/imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
    },
  },
  {
    files: ['{packages,tools,examples}/*/{src,test}/**/*.ts'],
    ignores: ['**/*.d.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
    },
  },
  { files: ['packages/*/src/**/*.ts'], rules: { 'no-console': 'error' } },
  { files: ['packages/cli/src/bin.ts'], rules: { 'no-console': 'off' } },
  {
    files: portableSources,
    ignores: platformSources,
    rules: { 'no-restricted-globals': ['error', ...['process', 'Buffer', '__dirname', '__filename', 'require'].map(noGlobal)] },
  },
  // Tests reach into untyped corners (a page's navigator.gpu) on purpose.
  { files: ['**/test/**/*.ts', 'tools/bench/**/*.ts'], rules: { '@typescript-eslint/no-explicit-any': 'off' } },
)

function noGlobal(name) {
  return { name, message: 'This package runs anywhere: pass in what it needs.' }
}
