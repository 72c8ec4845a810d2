#!/usr/bin/env node
// The agent's program: its commands, one file each.
import { capture } from './capture.ts';
import { config } from './config.ts';
import { doctor } from './doctor.ts';
import { identify } from './identify.ts';
import { inventory } from './inventory.ts';
import { main } from './main.ts';
import { readFiles } from './read-files.ts';
import { run } from './run.ts';
import { simulate } from './simulate.ts';
import { version } from './version.ts';

// Not awaited at the top level: the single executable is a CommonJS file. main() throws nothing.
void main({
  name: 'dragonfly-agent',
  version,
  commands: [inventory, identify, capture, doctor, run, config, simulate, readFiles],
});
