// Writes the manual pages of the programs into dist/man.
import { mkdirSync, writeFileSync } from 'node:fs';
import { buildDate } from './build-date.ts';
import { agentProgram } from './src/cli/agent/program.ts';
import { completionCommand } from './src/cli/line/completion-command.ts';
import { manPage } from './src/cli/line/man.ts';
import { operatorProgram } from './src/cli/operator/program.ts';
import { serverProgram } from './src/cli/server/program.ts';
import { simulateProgram } from './src/cli/simulate.ts';

export function buildMan(): void {
  mkdirSync('dist/man', { recursive: true });
  const date = buildDate().toISOString().slice(0, 10);
  for (const program of [agentProgram, serverProgram, operatorProgram, simulateProgram]) {
    const { name, commands = [] } = program;
    const whole = { ...program, commands: [...commands, completionCommand(name)] };
    writeFileSync(`dist/man/${name}.1`, manPage(whole, date));
  }
}
