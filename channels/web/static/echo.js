// Whether the stream shows what was sent. With many processes a message may reach another one than the stream is from.
const LATEST = 3000;

export class Echo {
  // `renew` is called when something sent is still missing after a while: a new stream begins with all there is
  constructor(renew) {
    this.renew = renew;
    this.seen = new Set();
  }

  saw(id) {
    if (id) this.seen.add(id);
  }

  sent(id) {
    setTimeout(() => this.seen.has(id) || this.renew(), LATEST);
  }
}
