#!/usr/bin/env node
// The program of simulated fleets, for whoever tests a server. It is in no machine's image.
import { main } from './main.ts';
import { simulate } from './simulate.ts';
import { version } from './version.ts';

await main({ name: 'dragonfly-simulate', version, defaultCommand: simulate, commands: [] });
