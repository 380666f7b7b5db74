// What both servers share: an event loop on epoll or io_uring, or $WORKERS of them, and where to listen.
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.*;
import io.netty.channel.epoll.*;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.uring.*;
import java.io.File;
import java.net.InetSocketAddress;
import java.net.SocketAddress;

final class Transport {
    static SocketAddress address(String place) {
        if (!place.startsWith("/"))
            return new InetSocketAddress("127.0.0.1", Integer.parseInt(place));
        new File(place).delete();
        return new DomainSocketAddress(place);
    }

    static Class<? extends ServerChannel> channel(boolean uring, boolean unix) {
        if (uring)
            return unix ? IoUringServerDomainSocketChannel.class : IoUringServerSocketChannel.class;
        return unix ? EpollServerDomainSocketChannel.class : EpollServerSocketChannel.class;
    }

    // Arguments: PORT|/PATH [io_uring]
    static void serve(String[] arguments, ChannelInitializer<Channel> pipeline) throws Exception {
        SocketAddress address = address(arguments[0]);
        boolean unix = address instanceof DomainSocketAddress;
        boolean uring = arguments.length > 1 && arguments[1].equals("io_uring");
        EventLoopGroup loop = new MultiThreadIoEventLoopGroup(
            Integer.parseInt(System.getenv().getOrDefault("WORKERS", "1")),
            uring ? IoUringIoHandler.newFactory() : EpollIoHandler.newFactory());
        ServerBootstrap server = new ServerBootstrap().group(loop).channel(channel(uring, unix))
            .option(ChannelOption.SO_BACKLOG, 4096).childHandler(pipeline);
        if (!unix)
            server.childOption(ChannelOption.TCP_NODELAY, true);
        server.bind(address).sync().channel().closeFuture().sync();
    }
}
