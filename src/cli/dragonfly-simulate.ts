#!/usr/bin/env node
// The program that simulates a fleet, to test a server with. No machine's image contains it.
import { main } from './main.ts';
import { simulateProgram } from './simulate.ts';

await main(simulateProgram);
