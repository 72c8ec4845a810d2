// Looks up the kernel module for a device. Pure.

/** Returns the modules whose aliases match a device's modalias, in the order of the table.
 *  Source: /lib/modules/<release>/modules.alias (depmod): "alias <pattern> <module>", the pattern with
 *  "*", "?" and "[…]" as in a shell. */
export function modulesFor(modalias: string, table: string): string[] {
  const bus = modalias.slice(0, modalias.indexOf(':') + 1);
  const modules = new Set<string>();
  for (const line of table.split('\n')) {
    if (!line.startsWith(`alias ${bus}`)) continue;
    const [, pattern, module] = line.split(' ');
    if (pattern === undefined || module === undefined || !couldMatch(pattern, modalias)) continue;
    if (toRegExp(pattern).test(modalias)) modules.add(module);
  }
  return [...modules];
}

/** A quick check first: most patterns already differ in their literal beginning. */
function couldMatch(pattern: string, modalias: string): boolean {
  return modalias.startsWith(pattern.slice(0, pattern.search(/[*?[]|$/)));
}

function toRegExp(pattern: string): RegExp {
  const parts = pattern
    .split(/(\[[\w-]+\])/)
    .map((part, i) => (i % 2 === 1 ? part : literal(part)));
  return new RegExp(`^${parts.join('')}$`);
}

function literal(text: string): string {
  const escaped = text.replaceAll(/[\\^$.+(){}|/[\]]/g, '\\$&');
  return escaped.replaceAll('*', '.*').replaceAll('?', '.');
}
