// Documents as Dragonfly's own store has them, each in a line of its own: machines, templates and workflows.
// Nothing else of it means anything here.
import { parseDocument } from '../collections/json.ts';
import { anyKinds, type Kind } from '../collections/kinds.ts';

/** A document with its kind, of which nothing but its kind was checked. */
export interface Stored {
  readonly kind: Kind<object>;
  readonly document: object;
}

/** A line's document; undefined for a line that is none of these. */
export function readDragonflys(line: string): Stored | undefined {
  let document: object;
  try {
    document = parseDocument('line', line);
  } catch {
    return undefined;
  }
  if ('identity' in document) return { kind: anyKinds.machines, document };
  const kind = 'kind' in document ? document.kind : undefined;
  if (kind === 'Template') return { kind: anyKinds.templates, document };
  return kind === 'Workflow' ? { kind: anyKinds.workflows, document } : undefined;
}
