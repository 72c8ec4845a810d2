#!/usr/bin/env node
// The program that simulates a fleet, to test a server with. No machine's image contains it.
import { main } from './main.ts';
import { simulate } from './simulate.ts';
import { version } from './version.ts';

await main({ name: 'dragonfly-simulate', version, defaultCommand: simulate, commands: [] });
