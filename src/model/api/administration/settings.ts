// Requests and answers about settings, between operators (the page, scripts) and the server.
import { Type, type Static } from 'typebox';
import { nullable } from '../../fields.ts';
import { damaged } from './damaged.ts';
import { strict } from '../request.ts';

export const SettingKey = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,190}$' });

export const SettingValue = Type.Object(
  {
    value: Type.String({ maxLength: 65_536 }),
    secret: Type.Optional(
      Type.Boolean({
        description: 'shown to full tokens alone; default: as it was, or by its key',
      }),
    ),
  },
  strict,
);

export type SettingValue = Static<typeof SettingValue>;

export const Setting = Type.Object({
  key: Type.String(),
  value: Type.String(),
  secret: Type.Optional(
    Type.Boolean({ description: 'ours: its value is shown to full tokens alone' }),
  ),
});
export type Setting = Static<typeof Setting>;

export const SettingList = Type.Object({
  settings: Type.Array(Setting),
  damaged,
  next_cursor: nullable(Type.String()),
});
export type SettingList = Static<typeof SettingList>;
