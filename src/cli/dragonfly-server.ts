#!/usr/bin/env node
// The server's program: its commands, one file each.
import { backup } from './backup.ts';
import { check } from './check.ts';
import { main } from './main.ts';
import { restore } from './restore.ts';
import { rotateKey } from './rotate-key.ts';
import { serve } from './serve.ts';
import { token } from './token.ts';
import { version } from './version.ts';

await main({
  name: 'dragonfly-server',
  version,
  defaultCommand: 'serve',
  commands: [serve, token, rotateKey, backup, restore, check],
});
