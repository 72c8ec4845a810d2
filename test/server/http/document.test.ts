// The OpenAPI document, held to the needs of client generators and linters.
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { Type } from 'typebox';
import { createApp, type Routes } from '../../../src/server/app.ts';
import { openStore } from '../../../src/store/open.ts';

interface Operation {
  readonly operationId?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly Record<string, unknown>[];
  readonly requestBody?: {
    readonly content: Record<string, { schema?: object; example?: unknown }>;
  };
  readonly responses: Record<
    string,
    {
      description?: string;
      content?: Record<string, { schema?: { $ref?: string; type?: string } }>;
      headers?: Record<string, { description?: string }>;
    }
  >;
}
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Record<string, unknown>> };
  readonly tags: readonly { name: string; description: string }[];
  readonly servers: readonly unknown[];
}

async function documentWith(...more: readonly Routes[]): Promise<Document> {
  const store = await openStore('memory:');
  const app = await createApp({ store, clock: systemClock }, more);
  const text = JSON.stringify(app.swagger());
  await app.close();
  await store.close();
  return JSON.parse(text);
}

const document = await documentWith();

const all = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    place: `${method.toUpperCase()} ${path}`,
    operation,
  })),
);
const at = (place: string): Operation => {
  const found = all.find((one) => one.place === place);
  if (found === undefined) throw new Error(`no ${place}`);
  return found.operation;
};

/** Every object within a value, with where it is. */
function* within(value: unknown, path = '#'): Generator<[string, Record<string, unknown>]> {
  if (typeof value !== 'object' || value === null) return;
  yield [path, value as Record<string, unknown>];
  for (const [key, item] of Object.entries(value)) yield* within(item, `${path}/${key}`);
}

describe('the document', () => {
  it('is clean by the recommended rules of redocly', async () => {
    const config = await createConfig({ extends: ['recommended'] });
    const source = JSON.stringify(document);
    const problems = await lintFromString({ source, absoluteRef: '/openapi.json', config });
    expect(
      problems.map(({ ruleId, message, location: [place] }) => [ruleId, message, place?.pointer]),
    ).toEqual([]);
    // It finds what is wrong.
    const faulty = source.replaceAll('"operationId":"listMachines"', '"operationId":"listTags"');
    const found = await lintFromString({ source: faulty, absoluteRef: '/openapi.json', config });
    expect(found.map(({ ruleId }) => ruleId)).toContain('operation-operationId-unique');
  });

  it('names every operation, each by a name of its own', () => {
    const nameless = all.filter(({ operation }) => !operation.operationId);
    expect(nameless.map(({ place }) => place)).toEqual([]);
    const names = all.map(({ operation }) => operation.operationId);
    expect(new Set(names).size).toBe(names.length);
    expect(at('GET /api/machines').operationId).toBe('listMachines');
  });

  it('declares its tags and servers', () => {
    const declared = new Set(document.tags.map(({ name }) => name));
    const used = new Set(all.flatMap(({ operation }) => operation.tags ?? []));
    expect([...used].filter((tag) => !declared.has(tag))).toEqual([]);
    expect([...declared].filter((tag) => !used.has(tag))).toEqual([]);
    expect(document.servers).toHaveLength(1);
  });

  it('says of each enum of which type its values are', () => {
    const untyped = [...within(document)].filter(
      ([, schema]) => Array.isArray(schema['enum']) && schema['type'] === undefined,
    );
    expect(untyped.map(([path]) => path)).toEqual([]);
  });

  it('takes the names that a route and its schemas bring themselves', async () => {
    const Answer = Type.Object({ beds: Type.Integer() }, { title: 'Dormitory' });
    const schema = { operationId: 'getDormitory', tags: ['tags'], response: { 200: Answer } };
    const { paths, components } = await documentWith((app) => {
      app.get('/api/dormitory', { schema }, () => ({ beds: 1 }));
    });
    const { get } = paths['/api/dormitory'] ?? {};
    expect(get?.operationId).toBe('getDormitory');
    const content = get?.responses['200']?.content?.['application/json'];
    expect(content?.schema).toEqual({ $ref: '#/components/schemas/Dormitory' });
    expect(components.schemas['Dormitory']).toMatchObject({ title: 'Dormitory', type: 'object' });
  });

  it('refers to a named schema for every body and every answer', () => {
    const unnamed: string[] = [];
    for (const { place, operation } of all) {
      for (const { schema } of Object.values(operation.requestBody?.content ?? {})) {
        if (!('$ref' in Object(schema))) unnamed.push(`${place} body`);
      }
      for (const [status, { content = {} }] of Object.entries(operation.responses)) {
        for (const { schema } of Object.values(content)) {
          if (schema !== undefined && schema.$ref === undefined && schema.type !== 'string')
            unnamed.push(`${place} ${status}`);
        }
      }
    }
    expect(unnamed).toEqual([]);
  });

  it('tells the variants of a union apart by a discriminator', () => {
    for (const [name, tag, count] of [
      ['WorkflowEvent', 'type', 5],
      ['TemplateAction', 'action', 10],
    ] as const) {
      const { oneOf, discriminator } = Object(document.components.schemas[name]);
      expect([name, oneOf.length, discriminator.propertyName]).toEqual([name, count, tag]);
      for (const [value, ref] of Object.entries(discriminator.mapping)) {
        const variant = Object(document.components.schemas[String(ref).split('/').at(-1) ?? '']);
        expect(variant.properties[tag].enum).toEqual([value]);
        expect(variant.required).toContain(tag);
      }
    }
  });

  it('has no reference to what is not there, and no component that nothing uses', () => {
    const refs = [...within(document)].flatMap(([, { $ref }]) =>
      typeof $ref === 'string' ? [$ref.replace('#/components/schemas/', '')] : [],
    );
    const defined = Object.keys(document.components.schemas);
    expect(refs.filter((ref) => !defined.includes(ref))).toEqual([]);
    expect(defined.filter((name) => !refs.includes(name))).toEqual([]);
  });

  it('says that public routes need no token, and that Basic is good for reading', () => {
    for (const place of ['GET /api/health', 'GET /boot/{mac}', 'GET /images/{name}']) {
      expect([place, at(place).security]).toEqual([place, []]);
    }
    expect(at('GET /api/machines').security).toEqual([{ token: [] }, { password: [] }]);
    expect(at('POST /api/machines').security).toEqual([{ token: [] }]);
  });

  it('has the content types as sent', () => {
    const types = (place: string, status: string) =>
      Object.keys(at(place).responses[status]?.content ?? {});
    const errors = ['application/json', 'application/problem+json'];
    expect(types('GET /boot/{mac}', '200')).toEqual(['text/plain']);
    expect(types('GET /boot/{arch}/{file}', '206')).toEqual(['application/octet-stream']);
    expect(types('GET /api/events', '200')).toEqual(['text/event-stream']);
    expect(types('GET /api/events', '4XX')).toEqual(errors);
    expect(Object.keys(at('GET /images/{name}').responses)).toEqual(
      expect.arrayContaining(['200', '206', '304', '416']),
    );
    const bodies = all.filter(({ operation }) => operation.requestBody !== undefined);
    expect(bodies.length).toBeGreaterThan(9);
    for (const { place, operation } of bodies) {
      const taken = Object.keys(operation.requestBody?.content ?? {});
      const isAgents = operation.tags?.includes('agent') === true;
      expect([place, taken.includes('application/yaml')]).toEqual([place, !isAgents]);
      for (const { example } of Object.values(operation.requestBody?.content ?? {})) {
        expect([place, example !== undefined]).toEqual([place, true]);
      }
    }
  });

  it('describes the headers that mean something', () => {
    const headersOf = (place: string, status: string) => at(place).responses[status]?.headers ?? {};
    expect(Object.keys(headersOf('POST /api/machines', '201'))).toEqual(
      expect.arrayContaining(['ETag', 'Location']),
    );
    expect(Object.keys(headersOf('GET /api/machines', '4XX'))).toEqual(
      expect.arrayContaining(['WWW-Authenticate', 'Retry-After', 'Allow']),
    );
    const bare = [...within(document.paths)].filter(
      ([path, header]) => /\/headers\/[^/]+$/.test(path) && header['description'] === undefined,
    );
    expect(bare.map(([path]) => path)).toEqual([]);
  });
});
