// Rows for tests of the list.
import type { Row } from '../../../src/web/list/row.ts';

export function row(name: string, fields: Partial<Row> = {}): Row {
  const made = {
    id: name,
    name,
    memorableName: name,
    state: 'Ready',
    errorMessage: undefined,
    liveness: 'online',
    hardware: '',
    address: '',
    mac: '52:54:00:00:00:01',
    tags: [],
    template: null,
    lastSeenMs: 0,
    ...fields,
  } as const;
  const searchText = [name, made.mac, made.address, made.hardware, ...made.tags].join('\n');
  return { ...made, searchText: searchText.toLowerCase() };
}
