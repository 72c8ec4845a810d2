// Each operation of the document by method and path: its name, and what goes in and comes out of it besides JSON.

/** A content type in place of JSON. */
interface Operation {
  /** Its name in generated clients, as Kubernetes names them. */
  readonly id: string;
  /** The content type of its good answer, where that is not JSON. */
  readonly sends?: string;
  /** Headers of its good answers. */
  readonly headers?: readonly HeaderName[];
  /** Parts of a file, and "not modified", are answered as well. */
  readonly isFile?: boolean;
  /** A body that it takes. */
  readonly example?: unknown;
}

type HeaderName = keyof typeof headers;

/** The headers of answers that mean something to a client. */
export const headers = {
  ETag: 'names this version of the document; for If-Match and If-None-Match',
  Location: 'the address of what was made',
  'Retry-After': 'in seconds: when to repeat the request (503, and 409 identity.in-use)',
  'WWW-Authenticate': 'the scheme of the token that is needed (401)',
  Allow: 'the methods that the address takes (405)',
  'X-Request-Id': "names the request in the server's log",
} as const;

const machineId = '01930000-0000-7000-8000-000000000001';
const template = {
  apiVersion: 'dragonfly.computer/v1',
  kind: 'Template',
  metadata: { name: 'restart' },
  spec: { timeout: 600, actions: [{ action: 'reboot' }] },
};

export const operations: Readonly<Record<string, Operation>> = {
  'POST /api/agent/checkin': {
    id: 'checkIn',
    example: { mac: '02:00:00:00:00:01', hostname: 'node-1', boot_id: null },
  },
  'POST /api/agent/heartbeat': { id: 'sendHeartbeat', example: { machine_id: machineId } },
  'POST /api/agent/logs': {
    id: 'sendLogs',
    example: {
      machine_id: machineId,
      boot_id: '5c2f3a52-1d2b-4c55-9d0f-7a1f5b1f3c10',
      stream: 'boot',
      first: 0,
      lines: [{ age_ms: 1200, source: 'boot', text: 'eth0 is 192.0.2.7/24' }],
    },
  },
  'GET /boot/start.ipxe': { id: 'getStartScript', sends: 'text/plain' },
  'GET /boot/grub.cfg': { id: 'getGrubScript', sends: 'text/plain' },
  'GET /boot/{mac}': { id: 'getBootScript', sends: 'text/plain' },
  'GET /boot/{arch}/{file}': {
    id: 'getBootFile',
    sends: 'application/octet-stream',
    isFile: true,
    headers: ['ETag'],
  },
  'GET /images/SHA256SUMS': { id: 'getImageSums', sends: 'text/plain' },
  'GET /images/{name}': {
    id: 'getImage',
    sends: 'application/octet-stream',
    isFile: true,
    headers: ['ETag'],
  },
  'HEAD /images/{name}': {
    id: 'headImage',
    sends: 'application/octet-stream',
    isFile: true,
    headers: ['ETag'],
  },
  'GET /api/machines': { id: 'listMachines' },
  'POST /api/machines': {
    id: 'createMachine',
    headers: ['ETag', 'Location'],
    example: { mac: '02:00:00:00:00:01', name: 'node-1', tags: ['rack-1'] },
  },
  'GET /api/machines/{id}': { id: 'getMachine', headers: ['ETag'] },
  'PATCH /api/machines/{id}': {
    id: 'patchMachine',
    headers: ['ETag'],
    example: { os_choice: 'debian-13', tags: ['rack-1'] },
  },
  'DELETE /api/machines/{id}': { id: 'deleteMachine' },
  'GET /api/machines/{id}/history': { id: 'getMachineHistory' },
  'GET /api/machines/{id}/logs': { id: 'listMachineLogs' },
  'GET /api/machines/{id}/conflicts': { id: 'listMachineConflicts' },
  'POST /api/machines/bulk': {
    id: 'changeMachines',
    example: { ids: [machineId], add_tags: ['rack-1'] },
  },
  'POST /api/workflows': {
    id: 'createWorkflow',
    headers: ['Location'],
    example: { machine_id: machineId, template: 'restart', dry_run: true },
  },
  'GET /api/workflows': { id: 'listWorkflows' },
  'GET /api/workflows/counts': { id: 'countWorkflows' },
  'GET /api/workflows/{id}': { id: 'getWorkflow' },
  'POST /api/workflows/{id}/events': { id: 'reportWorkflowEvent', example: { type: 'started' } },
  'POST /api/workflows/{id}/cancel': { id: 'cancelWorkflow' },
  'POST /api/workflows/{id}/report': { id: 'reportInstalledSystem' },
  'POST /api/workflows/{id}/release': { id: 'releaseWorkflow' },
  'GET /api/templates': { id: 'listTemplates' },
  'GET /api/templates/{name}': { id: 'getTemplate', headers: ['ETag'] },
  'PUT /api/templates/{name}': {
    id: 'putTemplate',
    headers: ['ETag', 'Location'],
    example: template,
  },
  'POST /api/templates/{name}/try': { id: 'tryTemplate', example: template },
  'DELETE /api/templates/{name}': { id: 'deleteTemplate' },
  'GET /api/templates/{name}/render': { id: 'renderTemplate' },
  'GET /api/tags': { id: 'listTags' },
  'DELETE /api/tags/{tag}': { id: 'deleteTag' },
  'GET /api/conflicts': { id: 'listConflicts' },
  'POST /api/conflicts/{id}/accept': { id: 'acceptConflict', example: { into: machineId } },
  'POST /api/conflicts/{id}/split': { id: 'splitConflict' },
  'POST /api/conflicts/{id}/reopen': { id: 'reopenConflict' },
  'GET /api/settings': { id: 'listSettings' },
  'GET /api/settings/{key}': { id: 'getSetting', headers: ['ETag'] },
  'PUT /api/settings/{key}': {
    id: 'putSetting',
    headers: ['ETag', 'Location'],
    example: { value: 'debian' },
  },
  'DELETE /api/settings/{key}': { id: 'deleteSetting' },
  'GET /api/tokens': { id: 'listTokens' },
  'POST /api/tokens': {
    id: 'createToken',
    headers: ['Location'],
    example: { name: 'watcher', scope: 'read', expires_at: null },
  },
  'DELETE /api/tokens/{name}': { id: 'deleteToken' },
  'GET /api/sessions': { id: 'listSessions' },
  'POST /api/sessions': { id: 'createSession', headers: ['Location'], example: { days: 30 } },
  'DELETE /api/sessions': { id: 'deleteOwnSessions' },
  'DELETE /api/sessions/{id}': { id: 'deleteSession' },
  'GET /api/webhooks': { id: 'listWebhooks' },
  'POST /api/webhooks': {
    id: 'createWebhook',
    headers: ['Location'],
    example: { name: 'inventory', url: 'https://hooks.example/dragonfly', events: null },
  },
  'GET /api/webhooks/{name}': { id: 'getWebhook' },
  'PATCH /api/webhooks/{name}': { id: 'patchWebhook', example: { enabled: false } },
  'DELETE /api/webhooks/{name}': { id: 'deleteWebhook' },
  'POST /api/webhooks/{name}/rotate': { id: 'rotateWebhookSecret' },
  'POST /api/webhooks/{name}/test': { id: 'testWebhook' },
  'GET /api/webhooks/{name}/deliveries': { id: 'listWebhookDeliveries' },
  'POST /api/webhooks/{name}/redeliver': { id: 'redeliverWebhook', example: {} },
  'GET /api/whoami': { id: 'getMyself' },
  'GET /api/sign-in': { id: 'getSignInWays' },
  'POST /api/sign-out': { id: 'signOut' },
  'GET /api/audit': { id: 'listAudit' },
  'GET /api/audit/export': { id: 'exportAudit', sends: 'application/x-ndjson' },
  'GET /api/backup': { id: 'getBackup', sends: 'application/x-ndjson' },
  'GET /api/damaged': { id: 'listDamaged' },
  'GET /api/damaged/{table}/{name}': { id: 'getDamaged' },
  'DELETE /api/damaged/{table}/{name}': { id: 'deleteDamaged' },
  'GET /api/events': { id: 'watchEvents', sends: 'text/event-stream' },
  'GET /api/health': { id: 'getHealth' },
  'GET /api/ready': { id: 'getReadiness' },
  'GET /api/about': { id: 'getAbout' },
  'GET /metrics': { id: 'getMetrics', sends: 'text/plain' },
};

/** The document's tags, in the order of the manual. */
export const tags: Readonly<Record<string, string>> = {
  agent: 'check-in, heartbeat, and what an agent fetches to run its workflow',
  machines: 'list, filter, read, change and forget machines, one or many; their history and logs',
  workflows: 'queue and cancel workflows, and follow their progress',
  templates: 'templates, as JSON or YAML',
  tags: 'all tags, and taking one off every machine',
  conflicts: 'identity conflicts, and deciding them',
  settings: 'text by key, such as template.default_user',
  tokens: 'tokens of operators and for enrolment',
  webhooks: 'addresses that get events as signed posts, and what did not arrive there',
  audit: 'who changed what',
  damaged: 'stored records that cannot be read: which, how they are stored, removal',
  events: 'the event stream',
  operations: 'health, readiness, metrics and backup',
  boot: 'boot scripts, kernel and initramfs',
  images: 'disk images and their checksums',
};
