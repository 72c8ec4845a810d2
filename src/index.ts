// The package's main export: what embedders need of the agent's half, the store and the schemas.
export { AppError, errorCodes, isAppError, type ErrorCode } from './core/errors.ts';
export { computeIdentityHash } from './identity/hash.ts';
export { normalizeMac } from './identity/macs.ts';
export * from './model/api.ts';
export type * from './model/inventory.ts';
export * from './model/history.ts';
export * from './model/machine.ts';
export * from './model/template.ts';
export * from './model/workflow.ts';
export { openStore } from './store/open.ts';
export type * from './store/store.ts';
