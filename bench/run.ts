// `npm run bench [-- name …]`: runs the benchmarks of this folder, each in a process of its own.
// A benchmark prints what it measured as ratios of two things measured in the same run.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const all = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.slice(0, -'.bench.ts'.length))
  .toSorted();
const wanted = process.argv.length > 2 ? process.argv.slice(2) : all;
if (wanted.includes('--help')) {
  console.log(
    `usage: npm run bench -- [NAME …]\n\nBenchmarks: ${all.join(', ')}; without a name, all of them.`,
  );
  process.exit(0);
}
const unknown = wanted.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`no such benchmark: ${unknown.join(', ')} (there are: ${all.join(', ')})`);
  process.exit(2);
}
let failed = 0;
for (const name of wanted) {
  console.log(`\n== ${name}`);
  const run = spawnSync(process.execPath, [`${import.meta.dirname}/${name}.bench.ts`], {
    stdio: 'inherit',
  });
  if (run.status !== 0) failed += 1;
}
process.exit(failed === 0 ? 0 : 1);
