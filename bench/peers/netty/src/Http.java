// HttpServerCodec without an aggregator, a full response for each request.   Http PORT [io_uring]
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.*;
import io.netty.handler.codec.http.*;
import io.netty.util.AsciiString;
import io.netty.util.ReferenceCountUtil;
import java.nio.charset.StandardCharsets;

public class Http extends ChannelInboundHandlerAdapter {
    static final byte[] HELLO = "Hello, World!".getBytes(StandardCharsets.US_ASCII);
    static final ByteBuf BODY =
        Unpooled.unreleasableBuffer(Unpooled.directBuffer().writeBytes(HELLO));
    static final AsciiString PLAIN = AsciiString.cached("text/plain");
    static final AsciiString LENGTH = AsciiString.cached("13");

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        try {
            if (message instanceof HttpRequest)
                context.write(answer(), context.voidPromise());
        } finally {
            ReferenceCountUtil.release(message);
        }
    }

    static FullHttpResponse answer() {
        FullHttpResponse response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1,
            HttpResponseStatus.OK, BODY.duplicate(),
            DefaultHttpHeadersFactory.headersFactory().withValidation(false),
            DefaultHttpHeadersFactory.trailersFactory().withValidation(false));
        response.headers()
            .set(HttpHeaderNames.CONTENT_TYPE, PLAIN)
            .set(HttpHeaderNames.CONTENT_LENGTH, LENGTH);
        return response;
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        context.flush();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        context.close();
    }

    public static void main(String[] arguments) throws Exception {
        Transport.serve(arguments, new ChannelInitializer<Channel>() {
            @Override
            protected void initChannel(Channel channel) {
                HttpDecoderConfig config = new HttpDecoderConfig().setValidateHeaders(false);
                channel.pipeline().addLast(new HttpServerCodec(config)).addLast(new Http());
            }
        });
    }
}
