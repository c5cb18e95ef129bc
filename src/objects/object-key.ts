/** The founding of a node whose objects have keys of their own, and the first id of these objects. */
export interface KeyOwner {
  readonly clusterId: string
  readonly foundingId: string
  /** Objects with lower ids were stored by a release whose keys did not contain the founding id. */
  readonly firstObjectId: number
}

const digits = 16

/** Prefix of all keys of a cluster in a store. */
export const clusterPrefix = (clusterId: string): string => `${clusterId}/`

/** Key of the object that identifies the node of a cluster id: there is one for each cluster in a store. */
export const markerKey = (clusterId: string): string => `${clusterPrefix(clusterId)}node.properties`

/**
 * Keys of a node's objects. They contain the founding id: another node with the same cluster id, or the same node founded again, can
 * neither overwrite these objects nor read them as its own. The next two digits change with every object, so that a store can distribute
 * them.
 */
export class ObjectKeys {
  readonly #owner: KeyOwner
  /** Prefix of the objects of this founding. */
  readonly prefix: string
  readonly #formerPrefix: string

  constructor(owner: KeyOwner) {
    this.#owner = owner
    this.#formerPrefix = `${clusterPrefix(owner.clusterId)}objects/`
    this.prefix = `${this.#formerPrefix}${owner.foundingId}/`
  }

  get marker(): string {
    return markerKey(this.#owner.clusterId)
  }

  /** Prefixes to list for all objects of this node. */
  get prefixes(): readonly string[] {
    return this.#owner.firstObjectId > 1 ? [this.#formerPrefix] : [this.prefix]
  }

  key(objectId: number): string {
    return `${objectId < this.#owner.firstObjectId ? this.#formerPrefix : this.prefix}${spread(objectId)}`
  }

  /** Undefined for a key that is not an object of this node. */
  idOf(key: string): number | undefined {
    const objectId = Number(key.slice(-digits))
    return Number.isSafeInteger(objectId) && key === this.key(objectId) ? objectId : undefined
  }
}

const spread = (objectId: number): string => `${(objectId % 256).toString(16).padStart(2, '0')}/${String(objectId).padStart(digits, '0')}`
