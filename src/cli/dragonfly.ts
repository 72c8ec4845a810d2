#!/usr/bin/env node
// The operators' program: a client of the server's API.
import { main } from './main.ts';
import { operatorCommands } from './operator/commands.ts';
import { version } from './version.ts';

await main({ name: 'dragonfly', version, commands: operatorCommands });
