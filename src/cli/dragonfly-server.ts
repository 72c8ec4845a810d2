#!/usr/bin/env node
// The server's program.
import { main } from './main.ts';
import { serverProgram } from './server/program.ts';

// Node 22 warns of its SQLite, which only locks the data directory here, in the middle of a log of JSON lines.
process.removeAllListeners('warning');
process.on('warning', (warning) => {
  if (warning.name !== 'ExperimentalWarning') process.stderr.write(`${String(warning)}\n`);
});

await main(serverProgram);
