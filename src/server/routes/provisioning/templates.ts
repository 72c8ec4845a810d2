// Template routes: operators keep templates as JSON or YAML, agents fetch them with variables filled in.
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { AppError } from '../../../core/errors.ts';
import type { Machine } from '../../../model/machine.ts';
import { MachineId, Paging } from '../../../model/api/request.ts';
import { TemplateList, TemplateTrial, TemplateView } from '../../../model/api/templates.ts';
import { inDragonflysSpelling } from '../../../model/documents/template-spelling.ts';
import { Template, TemplateName } from '../../../model/documents/template.ts';
import { invalid } from '../../rules/violations.ts';
import { refuseOtherWorker } from '../../access/own-work.ts';
import { mayEverything, type Principal } from '../../access/principal.ts';
import { refuseOutside } from '../../access/inside.ts';
import { loadTemplate, tryTemplate } from '../../machines/workflows/provision.ts';
import { loadMachine } from '../../machines/machines.ts';
import { refuseUsed } from '../../machines/template-use.ts';
import { queuedTemplate, templateOfWork } from '../../machines/workflows/queued-template.ts';
import { maskedVariables, variablesOf } from '../../machines/variables.ts';
import { etag, hasConditions, refuseStale, refuseUnmet } from '../../rules/etag.ts';
import type { App, Services } from '../../services.ts';
import { fillFault, fillTemplate } from '../../rules/fill/fill.ts';
import { storedFault, templateFault } from '../../rules/templates.ts';
import { damagedOf, Done, errors, IfMatch, IfMatchOrNone } from '../route.ts';
import { serverSeen } from '../../http/requests/addresses.ts';

const NameParams = Type.Object({ name: TemplateName });
const DeleteQuery = Type.Object(
  { unused: Type.Optional(Type.Boolean({ description: 'only if no machine has it' })) },
  { additionalProperties: false },
);

export function templateRoutes(app: App, s: Services): void {
  app.get(
    '/api/templates',
    {
      config: { access: 'read', keepsToTags: true },
      schema: {
        tags: ['templates'],
        summary: 'List templates by name',
        querystring: Type.Object(Paging, { additionalProperties: false }),
        response: { 200: TemplateList, ...errors },
      },
    },
    async (request) => {
      const page = await s.store.templates.list(request.query);
      return {
        templates: page.items.map((item) => view(item.value)),
        ...damagedOf(page),
        next_cursor: page.nextCursor ?? null,
      };
    },
  );

  app.get(
    '/api/templates/:name',
    {
      config: { access: 'agent', keepsToTags: true },
      schema: {
        tags: ['templates', 'agent'],
        summary: 'Get a template; with machine_id, its variables are filled in for that machine',
        params: NameParams,
        querystring: Type.Object({ machine_id: Type.Optional(MachineId) }),
        response: { 200: TemplateView, ...errors },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const by = request.principal;
      const own = by.kind === 'machine' ? by.machineId : undefined;
      const machineId = request.query.machine_id?.toLowerCase() ?? own;
      if (machineId === undefined) {
        if (by.kind === 'stock') throw notItsWork();
        const { value: template } = await loadTemplate(s, name);
        void reply.header('etag', etag(template));
        return view(template);
      }
      const server = serverSeen(s, request);
      if (by.kind === 'machine' || by.kind === 'stock') {
        const { machine, template } = await workOf(s, by, machineId, name);
        return fillTemplate(template, await variablesOf(s.store, machine, server));
      }
      const { value: machine } = await loadMachine(s, machineId);
      refuseOutside(by, machine);
      const template =
        (await queuedTemplate(s, machine, name)) ?? (await loadTemplate(s, name)).value;
      const values = mayEverything(by) ? variablesOf : maskedVariables;
      return fillTemplate(template, await values(s.store, machine, server));
    },
  );

  app.get(
    '/api/templates/:name/render',
    {
      config: { access: 'read' },
      schema: {
        tags: ['templates'],
        summary: 'Show a template as a machine would get it, with secrets masked',
        params: NameParams,
        querystring: Type.Object({ machine_id: MachineId }, { additionalProperties: false }),
        response: { 200: Template, ...errors },
      },
    },
    async (request) => {
      const { value: template } = await loadTemplate(s, request.params.name);
      const { value: machine } = await loadMachine(s, request.query.machine_id.toLowerCase());
      const server = serverSeen(s, request);
      return fillTemplate(template, await maskedVariables(s.store, machine, server));
    },
  );

  app.post(
    '/api/templates/:name/try',
    {
      config: { access: 'operate', changesNothing: true },
      validatorCompiler,
      schema: {
        tags: ['templates'],
        summary: 'Check a template that is not stored; with machine_id, fill it in and plan it',
        consumes: ['application/json', 'application/yaml'],
        params: NameParams,
        querystring: Type.Object(
          { machine_id: Type.Optional(MachineId) },
          { additionalProperties: false },
        ),
        body: Template,
        response: { 200: TemplateTrial, ...errors },
      },
    },
    async (request) => {
      const { body, params, query } = request;
      refuseOtherName(body, params.name);
      if (query.machine_id === undefined) return { template: body };
      const { value: machine } = await loadMachine(s, query.machine_id.toLowerCase());
      return tryTemplate(s, body, machine, serverSeen(s, request));
    },
  );

  app.put(
    '/api/templates/:name',
    {
      config: { access: 'operate' },
      validatorCompiler,
      schema: {
        tags: ['templates'],
        summary: 'Create or replace a template, as JSON or YAML',
        consumes: ['application/json', 'application/yaml'],
        params: NameParams,
        headers: IfMatchOrNone,
        body: Template,
        response: { 200: Template, 201: Template, ...errors },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      refuseOtherName(request.body, name);
      const found = await s.store.templates.get(name);
      refuseUnmet(request.headers, found && etag(found.value));
      const isConditional = hasConditions(request.headers);
      await s.store.templates.put(request.body, isConditional ? (found ?? 'absent') : undefined);
      void reply.header('etag', etag(request.body));
      if (found === undefined) void reply.header('location', `/api/templates/${name}`);
      return reply.code(found === undefined ? 201 : 200).send(request.body);
    },
  );

  app.delete(
    '/api/templates/:name',
    {
      config: { access: 'operate' },
      schema: {
        tags: ['templates'],
        summary: 'Delete a template; machines that have it keep its name',
        params: NameParams,
        querystring: DeleteQuery,
        headers: IfMatch,
        response: { 204: Done, ...errors },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const { value, revision } = await loadTemplate(s, name);
      refuseStale(request.headers['if-match'], etag(value));
      if (request.query.unused === true) await refuseUsed(s, name);
      const isConditional = request.headers['if-match'] !== undefined;
      await s.store.templates.delete(name, isConditional ? { revision } : undefined);
      return reply.code(204).send(null);
    },
  );
}

/** A machine, and the template of this name that its active workflow carries out. An agent that asks for
 *  anything else is not told what there is. Errors: AppError `auth.denied`. */
async function workOf(
  s: Services,
  by: Principal,
  machineId: string,
  name: string,
): Promise<{ machine: Machine; template: Template }> {
  const machine = (await s.store.machines.get(machineId))?.value;
  if (machine === undefined) throw notItsWork();
  refuseOtherWorker(by, machine);
  const template = await templateOfWork(s, machine, name);
  if (template === undefined) throw notItsWork();
  return { machine, template };
}

function notItsWork(): AppError {
  return new AppError(
    'auth.denied',
    "an agent gets the template of its machine's active workflow, and no other",
  );
}

function refuseOtherName({ metadata }: Template, name: string): void {
  if (metadata.name === name) return;
  throw invalid('body', [
    { instancePath: '/metadata/name', message: `must be "${name}", as in the URL`, params: {} },
  ]);
}

const validatorCompiler: typeof TypeBoxValidatorCompiler = (part) =>
  part.httpPart === 'body' ? checkBody : TypeBoxValidatorCompiler(part);

function checkBody(body: unknown): { value: unknown } | { error: Error } {
  const { fault: _shown, ...template } = Object(inDragonflysSpelling(body));
  const document: unknown = typeof body === 'object' ? template : body;
  const error = templateFault(document) ?? beyondLimits(document);
  return error === undefined ? { value: document } : { error };
}

/** `document` is a template. */
function beyondLimits(document: unknown): AppError | undefined {
  // It was checked by the schema.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const fault = fillFault(document as Template);
  return fault === undefined ? undefined : new AppError('request.invalid', `body: ${fault}`);
}

/** A template as operators see it. */
function view(template: Template): TemplateView {
  const fault = storedFault(template);
  return fault === undefined ? template : { ...template, fault: fault.message };
}
