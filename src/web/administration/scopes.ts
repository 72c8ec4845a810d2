// The scopes of tokens in words.
import type { TokenScope } from '../../model/api/administration/tokens.ts';

export const scopeTexts: Readonly<Record<TokenScope, string>> = {
  read: 'look',
  operate: 'look, and change machines, workflows, templates, tags and conflicts',
  full: 'do everything',
  enrol: 'let agents register; nothing else',
};
