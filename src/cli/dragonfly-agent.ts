#!/usr/bin/env node
// The agent's program.
import { agentProgram } from './agent/program.ts';
import { main } from './main.ts';

// No top-level await, as the single executable is a CommonJS file. main() throws nothing.
void main(agentProgram);
