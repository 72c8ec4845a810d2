#!/usr/bin/env node
// The server's program: its commands, one file each.
import { main } from './main.ts';
import { rotateKey } from './rotate-key.ts';
import { serve } from './serve.ts';
import { token } from './token.ts';
import { version } from './version.ts';

await main({
  name: 'dragonfly-server',
  version,
  defaultCommand: 'serve',
  commands: [serve, token, rotateKey],
});
