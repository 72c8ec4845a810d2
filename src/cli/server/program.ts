// The server's program as data: its commands, one file each.
import type { Program } from '../command.ts';
import { version } from '../version.ts';
import { backup } from './backup.ts';
import { bootScript } from './boot-script.ts';
import { check } from './check.ts';
import { image } from './image.ts';
import { restore } from './restore.ts';
import { rotateKey } from './rotate-key.ts';
import { serve } from './serving/serve.ts';
import { template } from './template.ts';
import { token } from './token.ts';

export const serverProgram: Program = {
  name: 'dragonfly-server',
  describe: 'recognises machines, keeps their records, and decides what they do next',
  version,
  environment: {
    DRAGONFLY_TOKEN: 'a token of scope full, for "token --server"',
    DRAGONFLY_LOG:
      "the least level of the server's log: debug, info (default), warn, error, silent",
  },
  defaultCommand: serve,
  commands: [serve, token, image, template, rotateKey, backup, restore, check, bootScript],
};
