// The fields and values that a template may have, by the server's own description of its API. Pure.

export interface Field {
  readonly says: string;
  /** The only ones; empty: any. */
  readonly values: readonly string[];
  /** True for what has lines of its own below it. */
  readonly isNested: boolean;
}
export type Fields = ReadonlyMap<string, Field>;

export interface Vocabulary {
  readonly template: Fields;
  readonly metadata: Fields;
  readonly spec: Fields;
  /** By the action's name. */
  readonly actions: ReadonlyMap<string, Fields>;
}

/** `description`: an OpenAPI document. What it does not say is missing. */
export function vocabularyOf(description: unknown): Vocabulary {
  const schemas = member(member(description, 'components'), 'schemas');
  const template = member(schemas, 'Template');
  const properties = member(template, 'properties');
  const refs = listOf(member(member(schemas, 'TemplateAction'), 'oneOf'));
  const actions = refs.map((ref) => {
    const name = String(member(ref, '$ref')).split('/').at(-1) ?? '';
    return fieldsOf(member(schemas, name));
  });
  return {
    template: fieldsOf(template),
    metadata: fieldsOf(member(properties, 'metadata')),
    spec: fieldsOf(member(properties, 'spec')),
    actions: new Map(actions.map((fields) => [fields.get('action')?.values[0] ?? '', fields])),
  };
}

function fieldsOf(schema: unknown): Fields {
  const required = new Set(listOf(member(schema, 'required')));
  const properties = Object.entries(Object(member(schema, 'properties')));
  return new Map(
    properties.map(([name, property]) => [name, fieldOf(property, required.has(name))]),
  );
}

function fieldOf(schema: unknown, isRequired: boolean): Field {
  const type = member(schema, 'type');
  const description = member(schema, 'description');
  const parts = [isRequired ? 'needed' : '', typeof description === 'string' ? description : ''];
  return {
    says: parts.filter((part) => part !== '').join('; '),
    values: type === 'boolean' ? ['true', 'false'] : listOf(member(schema, 'enum')).map(String),
    isNested: type === 'object' || type === 'array',
  };
}

function member(value: unknown, name: string): unknown {
  return Object(value)[name];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
