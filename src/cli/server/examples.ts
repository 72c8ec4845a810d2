// The templates that come with the package, in its folder templates/.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../core/errors.ts';

/** As seen from src/cli/server and from dist/cli/server. */
const folder = fileURLToPath(new URL('../../../templates/', import.meta.url));
const suffix = '.yaml';

export interface Example {
  readonly name: string;
  /** Its first line, a sentence. */
  readonly description: string;
  /** YAML. */
  readonly text: string;
}

/** All of them, by name. */
export function readExamples(): Example[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(suffix))
    .toSorted()
    .map((file) => {
      const text = readFileSync(`${folder}${file}`, 'utf8');
      const description = /^# (.*)$/m.exec(text)?.[1] ?? '';
      return { name: file.slice(0, -suffix.length), description, text };
    });
}

/** Errors: AppError `template.unknown`. */
export function readExample(name: string): Example {
  const examples = readExamples();
  const found = examples.find((example) => example.name === name);
  if (found !== undefined) return found;
  const names = examples.map((example) => example.name).join(', ');
  throw new AppError('template.unknown', `there is no example ${name}; there are ${names}`);
}
