const POINTS_KEPT = 60; // 5 minutes at a reading every 5 seconds
const POINTS_AVERAGED = 2; // in the figure: counters are written once a second

/** Messages a second of each service, from the counters of one reading to the next. */
export class Rates {
    constructor() {
        this.last = {};
        this.points = {};
    }

    /**
     * @param {Object} data of `overview_data`; only `now`, and `id` and `received` of
     *     its services are used
     */
    add({now, services}) {
        const before = this.last;
        this.last = {};
        for (const {id, received} of services) {
            this.last[id] = {now, received};
            const seconds = before[id] ? now - before[id].now : 0;
            if (seconds > 0) {
                const count = Math.max(received - before[id].received, 0);
                const points = this.points[id] || [];
                this.points[id] = [...points, {seconds, count}].slice(-POINTS_KEPT);
            }
        }
    }

    /**
     * @param {Number} id of a service
     * @returns {Number[]} messages a second, oldest first; empty until two readings
     */
    history(id) {
        return (this.points[id] || []).map(({seconds, count}) => count / seconds);
    }

    /**
     * @param {Number} id of a service
     * @returns {Number|undefined} messages a second now; none until two readings
     */
    current(id) {
        const points = (this.points[id] || []).slice(-POINTS_AVERAGED);
        if (!points.length) {
            return undefined;
        }
        const sum = (name) => points.reduce((total, point) => total + point[name], 0);
        return sum("count") / sum("seconds");
    }
}
