#!/usr/bin/env node
// The agent's program: its commands, one file each.
import { main } from './main.ts';
import { version } from './version.ts';

await main({ name: 'dragonfly-agent', version, commands: [] });
