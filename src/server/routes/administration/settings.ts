// Setting routes: text by key, with dots as namespaces, such as "template.default_user".
import { Type } from 'typebox';
import { AppError } from '../../../core/errors.ts';
import { Paging } from '../../../model/api/request.ts';
import {
  Setting,
  SettingKey,
  SettingList,
  SettingValue,
} from '../../../model/api/administration/settings.ts';
import { isSecret } from '../../../model/secret-setting.ts';
import { mayEverything } from '../../access/principal.ts';
import { shownSetting } from '../../rules/settings/secret-settings.ts';
import { refuseBootSetting } from '../../machines/boot-settings.ts';
import { etag, hasConditions, refuseStale, refuseUnmet } from '../../rules/etag.ts';
import { partName } from '../../../store/collections/keys.ts';
import type { DamagedRecord, Versioned } from '../../../store/store.ts';
import { privatePrefix } from '../../../store/collections/tokens.ts';
import type { App, Services } from '../../services.ts';
import { damagedOf, Done, errors, IfMatch, IfMatchOrNone } from '../route.ts';

const KeyParams = Type.Object({ key: SettingKey });

export function settingRoutes(app: App, s: Services): void {
  app.get(
    '/api/settings',
    {
      config: { access: 'read' },
      schema: {
        tags: ['settings'],
        summary: 'List settings by key',
        querystring: Type.Object(
          { prefix: Type.Optional(Type.Union([SettingKey, Type.Literal('')])), ...Paging },
          { additionalProperties: false },
        ),
        response: { 200: SettingList, ...errors },
      },
    },
    async (request) => {
      const { prefix = '', ...paging } = request.query;
      const page = await s.store.settings.list({ prefix, ...paging });
      const settings = page.items.map((item) => item.value);
      const own = settings.filter(({ key }) => !key.startsWith(privatePrefix));
      const isEnd = own.length < settings.length;
      return {
        settings: own.map((setting) => shownSetting(setting, mayEverything(request.principal))),
        ...damagedOf({ damaged: page.damaged.filter(isOperators) }),
        next_cursor: isEnd ? null : (page.nextCursor ?? null),
      };
    },
  );

  app.get(
    '/api/settings/:key',
    {
      config: { access: 'read' },
      schema: {
        tags: ['settings'],
        summary: 'Get a setting',
        params: KeyParams,
        response: { 200: Setting, ...errors },
      },
    },
    async (request, reply) => {
      const { key } = request.params;
      const { value: setting } = await loadSetting(s, key);
      const inClear = mayEverything(request.principal);
      // The tag of a secret would let its reader try out guesses.
      if (inClear || !isSecret(setting)) void reply.header('etag', etag(setting.value));
      return shownSetting(setting, inClear);
    },
  );

  app.put(
    '/api/settings/:key',
    {
      config: { access: 'full' },
      schema: {
        tags: ['settings'],
        summary: 'Create or replace a setting; a secret one is shown to full tokens alone',
        params: KeyParams,
        headers: IfMatchOrNone,
        body: SettingValue,
        response: { 200: Setting, 201: Setting, ...errors },
      },
    },
    async (request, reply) => {
      const { key } = request.params;
      const { value, secret } = request.body;
      refuseBootSetting(key, value);
      const found = await s.store.settings.get(key);
      refuseUnmet(request.headers, found && etag(found.value.value));
      const marked = secret ?? found?.value.secret;
      const setting = { key, value, ...(marked === undefined ? {} : { secret: marked }) };
      const isConditional = hasConditions(request.headers);
      await s.store.settings.put(setting, isConditional ? (found ?? 'absent') : undefined);
      void reply.header('etag', etag(value));
      if (found !== undefined) return shownSetting(setting, true);
      void reply.header('location', `/api/settings/${key}`);
      return reply.code(201).send(shownSetting(setting, true));
    },
  );

  app.delete(
    '/api/settings/:key',
    {
      config: { access: 'full' },
      schema: {
        tags: ['settings'],
        summary: 'Delete a setting',
        params: KeyParams,
        headers: IfMatch,
        response: { 204: Done, ...errors },
      },
    },
    async (request, reply) => {
      const { key } = request.params;
      const { value, revision } = await loadSetting(s, key);
      refuseStale(request.headers['if-match'], etag(value.value));
      const isConditional = request.headers['if-match'] !== undefined;
      await s.store.settings.delete(key, isConditional ? { revision } : undefined);
      return reply.code(204).send(null);
    },
  );
}

/** True for a record that is not the server's own. */
function isOperators({ record }: DamagedRecord): boolean {
  return partName(record.slice(record.indexOf('/') + 1))?.startsWith(privatePrefix) !== true;
}

async function loadSetting(s: Services, key: string): Promise<Versioned<Setting>> {
  const found = await s.store.settings.get(key);
  if (found !== undefined) return found;
  throw new AppError('setting.unknown', `there is no setting ${key}`, { details: { key } });
}
