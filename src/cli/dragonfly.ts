#!/usr/bin/env node
// The operators' program: a client of the server's API.
import { main } from './main.ts';
import { operatorProgram } from './operator/program.ts';

await main(operatorProgram);
