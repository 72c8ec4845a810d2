// The tables of the documentation, held against what they list: both have the same entries.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { agentSettings } from '../../src/agent/settings/settings.ts';
import { errorCodes, httpStatus, type ErrorCode } from '../../src/core/errors.ts';
import { environmentName, flagOf } from '../../src/core/settings/setting-layers.ts';
import {
  CheckinRequest,
  CheckinResponse,
  HeartbeatRequest,
  HeartbeatResponse,
} from '../../src/model/api/agent.ts';
import { LogsRequest } from '../../src/model/api/logs.ts';
import { rules } from '../../src/identity/resolution/rules.ts';
import { templateActions } from '../../src/model/documents/template.ts';
import { codeSpans, readPage, repository, rowsOf } from './pages.ts';
import { shownBy } from './programs.ts';

/** The first code span of each row's first cell. */
function names(path: string, ...head: readonly string[]): string[] {
  return rowsOf(readPage(path), ...head).map(([cell = '']) => codeSpans(cell)[0] ?? cell);
}

it("has the agent's settings in docs/agent.md, each with all its names", () => {
  const rows = rowsOf(readPage('docs/agent.md'), 'flag', 'environment', 'kernel command line');
  expect(rows.map((row) => row.slice(0, 3).map((cell) => codeSpans(cell)[0]))).toEqual(
    Object.entries(agentSettings).map(([name, spec]) => [
      `--${flagOf(name, spec)}`,
      environmentName(name),
      `dragonfly.${name}`,
    ]),
  );
});

it("has the server's settings in docs/server.md, each with all its names and its default", async () => {
  const shown: { setting: string; value: unknown; source: string }[] = JSON.parse(
    await shownBy('dragonfly-server', ['--print-config', '--json']),
  );
  const rows = rowsOf(readPage('docs/server.md'), 'flag', 'environment', 'YAML key', 'default');
  expect(rows.map((row) => row.slice(0, 4))).toEqual(
    shown.map(({ setting, value, source }) => [
      setting === 'oidc_client_secret' ? '' : `\`--${setting.replaceAll('_', '-')}\``,
      `\`DRAGONFLY_${setting.toUpperCase()}\``,
      `\`${setting}\``,
      source === 'default' ? `\`${String(value)}\`` : '',
    ]),
  );
});

it('has every tag of openapi.json in docs/api.md', () => {
  const { paths }: { paths: Record<string, Record<string, { tags: string[] }>> } = JSON.parse(
    readFileSync(join(repository, 'openapi.json'), 'utf8'),
  );
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
  const tags = new Set(operations.flatMap((operation) => operation.tags));
  expect(names('docs/api.md', 'tag', 'what it is for').toSorted()).toEqual([...tags].toSorted());
});

it('has every field that agents and server send each other in docs/api.md', () => {
  const { text } = readPage('docs/api.md');
  const named = new Set(codeSpans(/^## Agents$[^]*?^## /m.exec(text)?.[0] ?? ''));
  const { lines, ...logs } = LogsRequest.properties;
  const sent = [CheckinRequest, CheckinResponse, HeartbeatRequest, HeartbeatResponse]
    .flatMap(({ properties }) => Object.keys(properties))
    .concat(Object.keys(logs), Object.keys(lines.items.properties));
  expect(sent.filter((field) => !named.has(field))).toEqual([]);
});

it('has every action of templates in docs/provisioning.md, with all its fields', () => {
  const rows = rowsOf(readPage('docs/provisioning.md'), 'action', 'fields');
  const written = rows.map(([action = '', fields = '']) => [
    codeSpans(action)[0],
    codeSpans(fields),
  ]);
  const known = Object.entries(templateActions).map(([action, { properties }]) => [
    action,
    Object.keys(properties).filter((field) => field !== 'action' && field !== 'timeout'),
  ]);
  expect(written).toEqual(known);
});

it('has every folder of src/ in docs/developers/architecture.md', () => {
  const folders = readdirSync(join(repository, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `src/${entry.name}`);
  const rooms = names('docs/developers/architecture.md', 'folder', 'what lives there');
  expect(rooms.toSorted()).toEqual(folders.toSorted());
});

describe('docs/troubleshooting.md', () => {
  const entries = readPage('docs/troubleshooting.md').text.split(/^### /m).slice(1);
  // The keys of that table are the codes.
  const codes = Object.keys(errorCodes) as ErrorCode[];

  it.each(codes)('says what %s means, how it is answered and what to do', (code) => {
    const entry = entries.find((text) => text.startsWith(`\`${code}\`\n`));
    expect(entry).toMatch(/^.*\n\n\S[^]*\n\n\*\*Do:\*\* \S/);
    const statuses = entry?.match(/(?<=HTTP )\d{3}/g) ?? [];
    expect(statuses[0] ?? null).toEqual(httpStatus(code)?.toString() ?? null);
  });

  it('has no entry for a code that there is not', () => {
    const written = entries.map((entry) => codeSpans(entry)[0]);
    expect(written.filter((code) => !Object.hasOwn(errorCodes, code ?? ''))).toEqual([]);
  });
});

it('has the rules that tell one machine from another in docs/server.md, in their order', () => {
  const rows = rowsOf(readPage('docs/server.md'), 'what agrees, what differs', 'it is');
  const written = rows.map(([when = '', is = '']) => [when, is.split(':')[0]]);
  expect(written).toEqual(
    rules.map(({ when, is }) => [when, is === 'same' ? 'the same' : 'new, with a conflict']),
  );
});
