#!/usr/bin/env node
// The agent's program: its commands, one file each.
import { capture } from './agent/capture.ts';
import { config } from './agent/config.ts';
import { doctor } from './agent/doctor.ts';
import { identify } from './agent/identify.ts';
import { inventory } from './agent/inventory.ts';
import { main } from './main.ts';
import { readFiles } from './agent/read-files.ts';
import { run } from './agent/run.ts';
import { version } from './version.ts';

// No top-level await, as the single executable is a CommonJS file. main() throws nothing.
void main({
  name: 'dragonfly-agent',
  version,
  commands: [inventory, identify, capture, doctor, run, config, readFiles],
  moved: { simulate: 'dragonfly-simulate' },
});
