// Makes dist/: the library with its types (tsc), the agent's program as one bundle (rolldown), the page and the
// manual pages.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'rolldown';
import { bundleAgent } from './build-agent.ts';
import { buildMan } from './build-man.ts';
import { buildPage } from './build-page.ts';

// The products of initramfs/ and a release take minutes to build, so they stay.
for (const name of existsSync('dist') ? readdirSync('dist') : []) {
  const isKept = ['boot', 'release'].includes(name) || name.startsWith('dragonfly-agent-linux-');
  if (!isKept) rmSync(`dist/${name}`, { recursive: true });
}
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });

await bundleAgent('dist/bin');
const { output } = await build({
  input: 'src/supported-node.ts',
  output: { format: 'iife', name: 'supportedNode', minify: true },
  write: false,
});
writeFileSync('dist/bin/package.json', '{ "type": "commonjs" }\n');

// The agent starts with what V8 compiled in an earlier run, 5 of 37 ms. The cache lies beside the
// program, where only who may change the program may change it, and is filled here for inventory.
writeProgram(
  'dragonfly-agent',
  `require('node:module').enableCompileCache(__dirname + '/cache'); require('./agent.js');`,
);
for (const name of ['dragonfly', 'dragonfly-server', 'dragonfly-simulate']) {
  writeProgram(name, `import('../cli/${name}.js');`);
}
execFileSync(process.execPath, ['dist/bin/dragonfly-agent.js', 'inventory', '--json'], {
  stdio: 'ignore',
});
await buildPage();
buildMan();

// A Node that is too old cannot parse the library. The condition "module-sync", which Node has had since
// 22.10, leads to the library; a Node without it gets this file.
const unresolved =
  'the tool that resolves dragonfly-agent has to know the condition "module-sync" of package exports';
writeFileSync(
  'dist/old-node.cjs',
  `${output[0].code}
const fault = supportedNode.nodeFault(process.versions.node) || '${unresolved}';
throw Object.assign(new Error(fault), { code: 'node.unsupported' });
`,
);

/** Writes a file that any Node can parse, and that runs the program on one that is supported. The check is
 *  in that file itself: loading another one takes a millisecond. */
function writeProgram(name: string, run: string): void {
  const text = `#!/usr/bin/env node
${output[0].code}
const fault = supportedNode.nodeFault(process.versions.node);
if (fault === undefined) { ${run} }
else { console.error(fault); process.exitCode = 2; }
`;
  writeFileSync(`dist/bin/${name}.js`, text);
  chmodSync(`dist/bin/${name}.js`, 0o755);
}
