// The linter's rules, and the import directions of the source folders.
import { defineConfig, type OxlintOverride } from 'oxlint';

/** Folders of src/ and the folders that each may import from, besides itself. */
const mayImport: Record<string, readonly string[]> = {
  core: [],
  model: ['core'],
  identity: ['model', 'core'],
  sources: ['model', 'core'],
  probes: ['sources', 'identity', 'model', 'core'],
  inventory: ['probes', 'identity', 'sources', 'model', 'core'],
  transport: ['model', 'core'],
  client: ['transport', 'model', 'core'],
  capture: ['inventory', 'probes', 'identity', 'sources', 'model', 'core'],
  doctor: ['inventory', 'transport', 'probes', 'identity', 'sources', 'model', 'core'],
  actions: ['sources', 'model', 'core'],
  agent: ['inventory', 'transport', 'actions', 'probes', 'identity', 'sources', 'model', 'core'],
  simulation: ['agent', 'client', 'inventory', 'transport', 'identity', 'model', 'core'],
  store: ['identity', 'model', 'core'],
  netboot: ['model', 'core'],
  webhooks: ['model', 'core'],
  server: ['store', 'netboot', 'webhooks', 'identity', 'model', 'core'],
  web: ['model', 'core'],
};
const folders = [...Object.keys(mayImport), 'cli'];

/** The layers of src/server: each may import from those before it. */
const serverLayers = [
  'rules',
  'running',
  'webhooks',
  'access',
  'machines',
  'checkin',
  'http',
  'routes',
];
/** The layers whose operations take what they use, and never all the services of the server. */
const takesWhatItUses = new Set(['rules', 'running', 'webhooks', 'access', 'machines', 'checkin']);

interface HostModules {
  readonly names: readonly string[];
  /** The folders of src/ that may import them. */
  readonly folders: readonly string[];
  readonly instead: string;
}

/** Modules that reach the host that the code runs on, and the places that may import them. Anywhere else they
 *  would give that host's answers while a capture is replayed, and no test could control them. Types may be
 *  imported anywhere. */
const hostModules: readonly HostModules[] = [
  {
    names: ['fs', 'fs/promises', 'child_process'],
    folders: ['sources', 'store', 'cli'],
    instead: 'reaches the host only through a Root (see src/sources/root.ts)',
  },
  {
    names: ['os', 'net', 'dns', 'dns/promises', 'process'],
    folders: ['sources', 'transport', 'webhooks', 'cli'],
    instead: 'learns about its host from probes and through src/transport, or is told',
  },
  {
    names: ['dgram'],
    folders: ['netboot'],
    instead: 'speaks no UDP: src/netboot does',
  },
];
/** Single files that may import one module more. */
const exceptions: readonly (readonly [file: string, module: string])[] = [
  // The monotonic clock, without the nine modules that performance.now() loads.
  ['core/clock.ts', 'process'],
  // The process that tries a data directory, and the one that starts it.
  ['store/lmdb/trial.ts', 'process'],
  ['store/lmdb/trial-process.ts', 'process'],
  // The server's own files for machines, not the machine's.
  ['server/http/boot/boot-files.ts', 'fs/promises'],
  ['server/http/boot/boot-dir.ts', 'fs/promises'],
  // The rules for every file with secrets, in the store and in both programs.
  ['core/files/private-file.ts', 'fs'],
  // And for those that people name.
  ['core/files/named-file.ts', 'fs'],
];

/** The process belongs to cli/main.ts; below it everything is an argument. */
const processGlobal = [
  { name: 'process', message: 'Only src/cli/main.ts may use the process; pass what is needed.' },
];

/** The door through which the host is changed is for src/actions alone. */
const writing = {
  regex: '^\\.\\.?/(.*/)?writing/',
  message: 'Only src/actions may change the host (see src/sources/writing/host.ts).',
};

interface ImportRule {
  readonly patterns: readonly { readonly regex: string; readonly message: string }[];
  readonly paths: readonly {
    readonly name: string;
    readonly message: string;
    readonly allowTypeImports: true;
  }[];
}

/** The folders and modules that a folder of src/ must not import. */
function importRule(folder: string, allowed: readonly string[]): ImportRule {
  const forbidden = folders.filter((other) => other !== folder && !allowed.includes(other));
  const host = hostModules.filter((modules) => !modules.folders.includes(folder));
  const others = forbidden.map((other) => ({
    regex: `^(\\.\\./)+${other}/`,
    message: `src/${folder} must not import from src/${other} (see oxlint.config.ts).`,
  }));
  return {
    patterns: folder === 'actions' ? others : [...others, writing],
    paths: host.flatMap(({ names, instead }) =>
      names
        .flatMap((name) => [name, `node:${name}`])
        .map((name) => ({ name, message: `src/${folder} ${instead}.`, allowTypeImports: true })),
    ),
  };
}

/** Applies an import rule to the files of a folder. The process is for src/cli alone. */
function directions(files: string, { patterns, paths }: ImportRule): OxlintOverride {
  return {
    files: [`src/${files}/**`],
    rules: {
      'no-restricted-globals': ['error', ...processGlobal],
      'no-restricted-imports': ['error', { patterns: [...patterns], paths: [...paths] }],
    },
  };
}

/** One layer of src/server: what holds for all of src/server, and no import from a later layer.
 *  The last override that fits a file is the one that counts, so it repeats the former. */
function serverLayer(layer: string, index: number): OxlintOverride {
  const { patterns, paths } = importRule('server', mayImport['server'] ?? []);
  const later = serverLayers.slice(index + 1).map((other) => ({
    regex: `^(\\.\\./)+${other}/`,
    message: `src/server/${layer} must not import from src/server/${other} (see oxlint.config.ts).`,
  }));
  const whole = takesWhatItUses.has(layer)
    ? [
        {
          regex: String.raw`^(\.\./)+(services|app|background)\.ts$`,
          message: `src/server/${layer} takes what it uses in an interface of its own (see oxlint.config.ts).`,
        },
      ]
    : [];
  return directions(`server/${layer}`, { patterns: [...patterns, ...later, ...whole], paths });
}

/** A file that may import one module more than its folder. */
function exception([file, module]: (typeof exceptions)[number]): OxlintOverride {
  const folder = file.slice(0, file.indexOf('/'));
  const { patterns, paths } = importRule(folder, mayImport[folder] ?? []);
  const others = paths.filter(({ name }) => name.replace('node:', '') !== module);
  return { ...directions(folder, { patterns, paths: others }), files: [`src/${file}`] };
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
    ...Object.entries(mayImport).map(([folder, allowed]) =>
      directions(folder, importRule(folder, allowed)),
    ),
    ...serverLayers.map(serverLayer),
    ...exceptions.map(exception),
    {
      files: ['src/cli/**', 'src/*.ts'],
      rules: { 'no-restricted-imports': ['error', { patterns: [writing] }] },
    },
    {
      files: ['src/cli/**', 'build.ts', '.ci/**', 'initramfs/**', 'bench/**'],
      rules: { 'no-console': 'off' },
    },
    {
      // Spreading short arrays groups the arguments of a long command line.
      files: ['initramfs/**', 'test/boot/**', 'bench/boot.bench.ts'],
      rules: { 'no-console': 'off', 'unicorn/no-useless-spread': 'off' },
    },
    {
      files: ['test/**'],
      rules: {
        'typescript/no-unsafe-type-assertion': 'off',
        'vitest/expect-expect': ['error', { assertFunctionNames: ['expect', 'expect*'] }],
      },
    },
  ],
});
