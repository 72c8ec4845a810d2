// The linter's rules, and the import directions of the source folders.
import { defineConfig, type OxlintOverride } from 'oxlint';

/** Which source folders a folder may import from, besides itself. */
const mayImport: Record<string, readonly string[]> = {
  model: [],
  core: [],
  sources: ['model', 'core'],
  probes: ['model', 'core', 'sources'],
  identity: ['model', 'core'],
  agent: ['model', 'core', 'sources', 'probes', 'identity'],
  store: ['model', 'core', 'identity'],
  server: ['model', 'core', 'identity', 'store'],
  web: ['model'],
};
const folders = [...Object.keys(mayImport), 'cli'];

/** Folders that may touch the host's files and start its commands. */
const touchesHost = new Set(['sources', 'store', 'cli']);
const hostModules = ['node:fs', 'node:fs/promises', 'node:child_process', 'fs', 'child_process'];

/** The process belongs to cli/main.ts; below it everything is an argument. */
const processGlobal = [
  { name: 'process', message: 'Only src/cli/main.ts may use the process; pass what is needed.' },
];

/** The import rule of one source folder. */
function directions(folder: string, allowed: readonly string[]): OxlintOverride {
  const forbidden = folders.filter((other) => other !== folder && !allowed.includes(other));
  const host = touchesHost.has(folder) ? [] : hostModules;
  return {
    files: [`src/${folder}/**`],
    rules: {
      'no-restricted-globals': ['error', ...processGlobal],
      'no-restricted-imports': [
        'error',
        {
          patterns: forbidden.map((other) => ({
            regex: `^(\\.\\./)+${other}/`,
            message: `src/${folder} must not import from src/${other} (see oxlint.config.ts).`,
          })),
          paths: host.map((name) => ({
            name,
            message: `src/${folder} reaches the host only through a Root (see src/sources/root.ts).`,
          })),
        },
      ],
    },
  };
}

export default defineConfig({
  plugins: ['typescript', 'import', 'node', 'promise', 'unicorn', 'vitest'],
  categories: { correctness: 'error', suspicious: 'warn', perf: 'warn' },
  ignorePatterns: ['dist', 'node_modules', 'fixtures', 'data'],
  options: { typeAware: true },
  rules: {
    'typescript/no-explicit-any': 'error',
    'typescript/no-non-null-assertion': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/switch-exhaustiveness-check': 'error',
    'import/no-cycle': 'error',
    'no-console': 'error',
    // tsc's noImplicitReturns says the same and understands an exhaustive switch.
    'typescript/consistent-return': 'off',
    'import/no-unassigned-import': 'off',
    'import/no-named-as-default': 'off',
    'import/no-named-as-default-member': 'off',
    'no-await-in-loop': 'off',
    'max-lines-per-function': 'off',
    'unicorn/consistent-function-scoping': 'off',
  },
  overrides: [
    ...Object.entries(mayImport).map(([folder, allowed]) => directions(folder, allowed)),
    {
      files: ['src/cli/**', 'build.ts', '.ci/**', 'initramfs/**', 'bench/**'],
      rules: { 'no-console': 'off' },
    },
    {
      // Spreading short arrays groups the arguments of a long command line.
      files: ['initramfs/**', 'test/boot/**', 'bench/boot.bench.ts'],
      rules: { 'no-console': 'off', 'unicorn/no-useless-spread': 'off' },
    },
    { files: ['test/**'], rules: { 'typescript/no-unsafe-type-assertion': 'off' } },
  ],
});
