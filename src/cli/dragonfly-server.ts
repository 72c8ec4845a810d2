#!/usr/bin/env node
// The server's program.
import { main } from './main.ts';
import { serverProgram } from './server/program.ts';

await main(serverProgram);
