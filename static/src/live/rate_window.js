const SECONDS = 10; // that a rate is of, at least
const POINTS_KEPT = 8;

/** Messages a second of something, from how its count grew lately. */
export class RateWindow {
    constructor() {
        this.points = [];
    }

    /**
     * @param {Number} now seconds
     * @param {Number} count messages since ever
     */
    add(now, count) {
        if (count < this.count) {
            this.points = []; // it is counted anew
        }
        const last = this.points.at(-1);
        if (!last || now - last.now >= SECONDS / (POINTS_KEPT - 2)) {
            this.points.push({now, count});
        }
        while (this.points.length > 1 && this.points[1].now <= now - SECONDS) {
            this.points.shift();
        }
        this.now = now;
        this.count = count;
    }

    /** @returns {Number|undefined} none until there was time to count */
    get rate() {
        const [first] = this.points;
        const seconds = this.now - first.now;
        return seconds > 0 ? (this.count - first.count) / seconds : undefined;
    }
}
