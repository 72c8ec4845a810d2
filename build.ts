// Makes dist/: the library with its types (tsc), the agent's program as one bundle (rolldown) and the page.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { bundleAgent } from './build-agent.ts';
import { buildPage } from './build-page.ts';

// What initramfs/ builds takes minutes, and stays.
for (const name of existsSync('dist') ? readdirSync('dist') : []) {
  const isKept = name === 'boot' || name.startsWith('dragonfly-agent-linux-');
  if (!isKept) rmSync(`dist/${name}`, { recursive: true });
}
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });

await bundleAgent('dist/bin');
writeFileSync('dist/bin/package.json', '{ "type": "commonjs" }\n');

// The program starts with what V8 compiled in an earlier run, 5 of 37 ms. The cache lies beside the
// program, where only who may change the program may change it, and is filled here for inventory.
const loader = `#!/usr/bin/env node
require('node:module').enableCompileCache?.(__dirname + '/cache');
require('./agent.js');
`;
writeFileSync('dist/bin/dragonfly-agent.js', loader);
execFileSync(process.execPath, ['dist/bin/dragonfly-agent.js', 'inventory', '--json'], {
  stdio: 'ignore',
});
for (const program of ['dist/bin/dragonfly-agent.js', 'dist/cli/dragonfly-server.js']) {
  chmodSync(program, 0o755);
}
await buildPage();
