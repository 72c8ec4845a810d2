// The operator whose request is being carried out, for the history of what it changes.
import { AsyncLocalStorage } from 'node:async_hooks';

export const actor = new AsyncLocalStorage<string>();
