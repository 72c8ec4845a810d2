#!/usr/bin/env node
// The server's program: its commands, one file each.
import { backup } from './server/backup.ts';
import { bootScript } from './server/boot-script.ts';
import { check } from './server/check.ts';
import { image } from './server/image.ts';
import { main } from './main.ts';
import { restore } from './server/restore.ts';
import { rotateKey } from './server/rotate-key.ts';
import { serve } from './server/serve.ts';
import { template } from './server/template.ts';
import { token } from './server/token.ts';
import { version } from './version.ts';

// Node 22 warns of its SQLite, which only locks the data directory here, in the middle of a log of JSON lines.
process.removeAllListeners('warning');
process.on('warning', (warning) => {
  if (warning.name !== 'ExperimentalWarning') process.stderr.write(`${String(warning)}\n`);
});

await main({
  name: 'dragonfly-server',
  version,
  defaultCommand: serve,
  commands: [serve, token, image, template, rotateKey, backup, restore, check, bootScript],
});
