// The agent's program as data: its commands, one file each.
import type { Program } from '../command.ts';
import { version } from '../version.ts';
import { capture } from './capture.ts';
import { config } from './config.ts';
import { doctor } from './doctor.ts';
import { identify } from './identify.ts';
import { inventory } from './inventory.ts';
import { run } from './running/run.ts';

export const agentProgram: Program = {
  name: 'dragonfly-agent',
  describe: 'reads what a machine is, and carries out the server’s orders on it',
  version,
  environment: { 'https_proxy, http_proxy, no_proxy': 'the proxy on the way to the server' },
  commands: [inventory, identify, capture, doctor, run, config],
  moved: { simulate: 'dragonfly-simulate' },
};
